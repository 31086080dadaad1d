"""The HedgePair operator: resources become running, reported, safely removable pairs."""
