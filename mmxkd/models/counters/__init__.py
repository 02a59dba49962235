"""Networks that say how many there are, not where."""
from .vehicle_counter import VehicleCounter, counts_of

__all__ = ['VehicleCounter', 'counts_of']
