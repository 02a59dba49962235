"""What teachers give in a step: records, predictions, and their uses."""
from .cached import CachedSupplier
from .deliveries import Delivery
from .labels import TeacherLabels
from .live import LiveSupplier
from .supply import Records, Supplier, Supplies, Supply

__all__ = [
    'CachedSupplier', 'Delivery', 'LiveSupplier', 'Records', 'Supplier',
    'Supplies', 'Supply', 'TeacherLabels'
]
