"""Deploying to an AWS emulator on this machine, as one deploys to AWS."""
