"""Recorded conversations once more: wholly, or one side of them against our other side."""
