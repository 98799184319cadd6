from types import SimpleNamespace
import numpy as np
MODES={0:"gong",2:"shang",4:"jue",7:"zhi",9:"yu"}
def mode_of(score,gong):
    f=(int(score.notes["pitch"][-1])-gong)%12
    return SimpleNamespace(gong=gong,mode=MODES.get(f,"gong"),confidence=1.0)
def detect_mode(score):
    w=np.bincount(score.notes["pitch"]%12,weights=score.notes["duration"],minlength=12)
    g=int(np.argmax([sum(w[(k+i)%12] for i in (0,2,4,7,9)) for k in range(12)]))
    return mode_of(score,g)
