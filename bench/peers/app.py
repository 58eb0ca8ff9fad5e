# The same contract in Flask, as its documentation writes it; gunicorn serves it.
import time

from flask import Flask, jsonify

app = Flask(__name__)


@app.get("/")
def message():
    return jsonify({"message": "Automate all the things!", "timestamp": int(time.time())})
