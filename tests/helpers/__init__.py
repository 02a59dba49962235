"""What several tests use: tiny models, toy data, golden numbers, slow twins.

Some are commands too: ``python -m tests.helpers.resume_kill --help``.
"""
