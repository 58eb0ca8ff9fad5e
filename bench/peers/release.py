# The same as app.cjs, in Flask.
import time

from flask import Flask

VERSION = "__VERSION__"
FAULT = "__FAULT__"

if FAULT == "crash":
    raise RuntimeError("fatal: cannot parse DATABASE_URL")
if FAULT == "never":
    time.sleep(3600)

app = Flask(__name__)
asked = 0


@app.get("/")
def index():
    global asked
    asked += 1
    is_bad = FAULT == "errors" or (FAULT == "turns" and asked > 20)
    return f"{VERSION}\n", 500 if is_bad else 200, {"x-release": VERSION}
