"""What teachers give in a step: records, predictions, and their uses."""
from .cached import CachedSupplier
from .deliveries import Delivery
from .labels import Labeller
from .live import LiveSupplier
from .supply import Records, Supplier, Supplies, Supply

__all__ = [
    'CachedSupplier', 'Delivery', 'Labeller', 'LiveSupplier', 'Records',
    'Supplier', 'Supplies', 'Supply'
]
