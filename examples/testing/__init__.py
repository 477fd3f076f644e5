"""The test of the examples: installs, starts and checks them."""
