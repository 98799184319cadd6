"""Networks with their configs: generator, discriminator, checkpoints, and the generator in numpy."""
