"""Lock, list and audit the packages of the layer and of the tools."""
