"""Tunes written for the tests, each of which holds several of the things that tune books hold."""

JIG = """X:1
T:The Test Jig
R:Jig
M:6/8
L:1/8
K:G
D|:GAB AGE|G3- GBd|{f}gfe d^cd|1 BAG A2D:|2 BAG G2||
|:f|g2a bag|(3efg f d2B|[GB]2z AGE|G3 G2:|
"""

REEL = """X:2
T:The Test Reel
R:reel
M:C|
L:1/8
Q:1/2=100
K:Edor
E2BE ~GABE|"Em"E>F GA Bcde::[K:D] d2fd Adfd|"4"vd2 c>B A2 FA:|
"""

WALTZ = """X:3
T:The Test Waltz
M:3/4
K:Bb
B,2 D/F/ B2|_A2 =A c d2|[M:2/4] x2 z2|[M:3/4] F6|]
"""

BOOK = "\n".join([JIG, REEL, WALTZ])
