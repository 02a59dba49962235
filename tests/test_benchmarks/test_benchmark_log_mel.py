"""The benchmark of log-mel spectrograms runs, and its contenders agree."""


def test_it_prints_a_ratio(repo, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import log_mel
    monkeypatch.setattr('sys.argv',
                        ['log_mel.py', '--rounds', '2', '--seconds', '.1'])
    log_mel.main()
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith('librosa ÷ LogMel')
    assert float(last.split()[3]) > 0
