# The same as app.cjs, in Flask.
import time

from flask import Flask

VERSION = "__VERSION__"
TROUBLE = "__TROUBLE__"

if TROUBLE == "crash":
    raise RuntimeError("fatal: cannot parse DATABASE_URL")
if TROUBLE == "never":
    time.sleep(3600)

app = Flask(__name__)
asked = 0


@app.get("/")
def index():
    global asked
    asked += 1
    is_bad = TROUBLE == "errors" or (TROUBLE == "turns" and asked > 20)
    return f"{VERSION}\n", 500 if is_bad else 200, {"x-release": VERSION}
