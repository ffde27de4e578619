"""Deploy to an AWS emulator on this machine, in the same way as to AWS."""
