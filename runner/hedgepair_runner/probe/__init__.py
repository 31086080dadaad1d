"""The probe of a venue on a user's own account: shells; what they see is judged in `probing`."""
