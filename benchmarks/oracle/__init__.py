"""The field's own benchmark: sequences drawn from a random LSTM, the oracle of SeqGAN (Yu et al., 2017).

The oracle is known, so both directions can be measured: how likely written sequences are to it
(NLL_oracle, quality) and how likely its sequences are to the generator (NLL_gen, coverage).
``python -m benchmarks.oracle --help`` runs it.
"""
