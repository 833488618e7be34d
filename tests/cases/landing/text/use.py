from text.shout import shout

assert shout("go on", 3) == "GO ON!!!"
