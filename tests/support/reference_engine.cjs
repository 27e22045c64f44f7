// Evaluates expressions in the reference engine: {"texts": […], "worlds": [{name: value}]} in, for each text a list with
// the outcome in each world out: {"value"} if there is one, {"error"}, and how deep the engine went.
//
// The depth is counted as the time box that the engine's authors publish does, by its hooks of entry and exit: inside of
// array constructors it counts what runs side by side as nested, and so, as far as anybody knows, does AWS.

const jsonata = require("../../tools/node_modules/jsonata");

async function outcome(text, world) {
  let depth = 0;
  let deepest = 0;
  try {
    const expression = jsonata(text);
    expression.assign(Symbol.for("jsonata.__evaluate_entry"), (_expression, _input, environment) => {
      if (environment.isParallelCall) return;
      depth += 1;
      deepest = Math.max(deepest, depth);
    });
    expression.assign(Symbol.for("jsonata.__evaluate_exit"), (_expression, _input, environment) => {
      if (environment.isParallelCall) return;
      depth -= 1;
    });
    // Step Functions' own addition to JSONata.
    expression.registerFunction("parse", (text) => JSON.parse(text), "<s:x>");
    const value = await expression.evaluate(undefined, structuredClone(world));
    return value === undefined ? { deepest } : { deepest, value };
  } catch (error) {
    return { deepest, error: `${error.code ?? error.name}: ${error.message}` };
  }
}

async function main() {
  const { texts, worlds } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const answers = [];
  for (const text of texts) {
    const row = [];
    for (const world of worlds) row.push(await outcome(text, world));
    answers.push(row);
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
