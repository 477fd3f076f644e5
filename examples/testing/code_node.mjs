// Runs Code nodes of n8n's workflow outside n8n: reads one case a line, writes one answer a line.
//
// A case is {node, body, headers, env, nodes}: the name of the Code node, the raw body in base64,
// the headers, the environment, and the output of other nodes by name.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [workflowPath, modules] = process.argv.slice(2);
const workflow = JSON.parse(readFileSync(workflowPath, "utf8"));
const require = createRequire(modules);
const AsyncFunction = (async () => {}).constructor;

/** What n8n gives to a Code node, as far as these nodes use it. */
async function runNode({ node, body, headers, env, nodes }) {
  const { jsCode } = workflow.nodes.find(({ name }) => name === node).parameters;
  const item = { json: { headers, params: {}, query: {}, body: {} } };
  const first = { first: () => item, all: () => [item] };
  const output = (name) => ({ all: () => nodes[name], first: () => nodes[name][0] });
  const helpers = { getBinaryDataBuffer: async () => Buffer.from(body, "base64") };
  const code = new AsyncFunction("$input", "$env", "$", "require", jsCode);
  return code.call({ helpers }, first, env, output, require);
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await runNode(JSON.parse(line)).catch((error) => ({ error: error.message }));
  console.log(JSON.stringify(answer));
}
