"""Faults: what disks, bad files and attackers do, and that nothing is lost or falsified by it."""
