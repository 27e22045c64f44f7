"""Reads a definition as JSON, of the kind STANDARD or EXPRESS; fails if LocalStack would not have it."""

import sys

from localstack.services.stepfunctions.asl.static_analyser.express_static_analyser import ExpressStaticAnalyser
from localstack.services.stepfunctions.asl.static_analyser.static_analyser import StaticAnalyser

ANALYSERS = {"STANDARD": StaticAnalyser, "EXPRESS": ExpressStaticAnalyser}

ANALYSERS[sys.argv[1]]().analyse(sys.stdin.read())
