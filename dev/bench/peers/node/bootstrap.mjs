// Lambda's runtime loop for Node.js: takes an invocation, calls the handler, posts its answer.
// The official client (aws-lambda-ric) compiles C++ when it is installed, so this is used instead.
import http from 'node:http';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { host, port, method, path: `/2018-06-01/runtime/${path}`, agent, headers };
    const request = http.request(options, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
    });
    request.on('error', reject);
    request.end(body);
  });
}

export async function run(handler) {
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    const id = headers['lambda-runtime-aws-request-id'];
    try {
      const answer = await handler(JSON.parse(body));
      await call('POST', `invocation/${id}/response`, JSON.stringify(answer));
    } catch (error) {
      console.error(error);
      const failure = { errorMessage: error.message, errorType: error.name };
      await call('POST', `invocation/${id}/error`, JSON.stringify(failure));
    }
  }
}
