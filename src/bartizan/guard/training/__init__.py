"""Train and measure the learned heads: rows by source, paired requests, folds that leave sources out, figures with intervals.

Takes in directories of labelled rows and the grammars beside this file. Gives out a directory of weights with their provenance, and
reports of each head per source. Needs the extra `train`; nothing here runs when exchanges are judged.
"""
