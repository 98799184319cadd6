DEGREES = ("1","b2","2","b3","3","4","#4","5","b6","6","b7","7")
PENTATONIC=(0,2,4,7,9)
def parse_pitch_class(t): return {"C":0,"D":2,"E":4,"F":5,"G":7,"A":9,"B":11}[t]
