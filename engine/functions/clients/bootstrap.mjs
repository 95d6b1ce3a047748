// The runtime client for functions in Node.js: asks the Lambda Runtime API for
// events, calls the handler, reports what it answers. Node's own modules only.

import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import util from 'node:util';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// Kinds of packets on descriptor 3 (see instance.go).
const STREAM = 1, EVENT = 2, MORE = 3;
const PACKET = 32 << 10;

function send(kind, data) {
  const packet = Buffer.allocUnsafe(data.length + 1);
  packet[0] = kind;
  data.copy(packet, 1);
  fs.writeSync(3, packet);
}

function emit(text) {
  let data = Buffer.from(text, 'utf8');
  for (; data.length > PACKET; data = data.subarray(PACKET)) send(MORE, data.subarray(0, PACKET));
  send(EVENT, data);
}

const jsonLog = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
const levels = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };
const least = levels[process.env.AWS_LAMBDA_LOG_LEVEL || 'INFO'] ?? 2;
let current = 'undefined';

function log(level, args) {
  if (jsonLog) {
    if (levels[level] < least) return;
    const line = { timestamp: new Date().toISOString(), level, requestId: current, message: util.format(...args) };
    const error = args.find((a) => a instanceof Error);
    if (error) Object.assign(line, { errorType: error.name, errorMessage: error.message, stackTrace: (error.stack || '').split('\n') });
    emit(JSON.stringify(line) + '\n');
  } else {
    emit(`${new Date().toISOString()}\t${current}\t${level}\t${util.format(...args)}\n`);
  }
}

for (const [name, level] of [['trace', 'TRACE'], ['debug', 'DEBUG'], ['log', 'INFO'], ['info', 'INFO'], ['warn', 'WARN'], ['error', 'ERROR'], ['fatal', 'FATAL']]) {
  console[name] = (...args) => log(level, args);
}
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk, encoding, done) => {
    let data = typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : Buffer.from(chunk);
    for (; data.length > 0; data = data.subarray(PACKET)) send(STREAM, data.subarray(0, PACKET));
    const then = typeof encoding === 'function' ? encoding : done;
    if (typeof then === 'function') process.nextTick(then);
    return true;
  };
}

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function request(method, what, body, headers) {
  return new Promise((resolve, reject) => {
    const r = http.request({ host, port, method, path: '/2018-06-01/runtime/' + what, agent, headers: { ...headers, 'Content-Length': body ? body.length : 0 } }, (answer) => {
      const parts = [];
      answer.on('data', (d) => parts.push(d));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on('error', reject);
    });
    r.setNoDelay(true);
    r.on('error', reject);
    r.end(body);
  });
}

class Failure extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function describe(error) {
  if (error instanceof Error || util.types.isNativeError(error)) {
    return { errorType: String(error.name || 'Error'), errorMessage: String(error.message), trace: String(error.stack || '').split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function fail(what, error) {
  const failure = describe(error);
  const kind = failure.errorType.replace(/[^\x21-\x7e]/g, '');
  await request('POST', what, Buffer.from(JSON.stringify(failure)), { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': kind });
}

function report(title, error) {
  const { errorType, errorMessage, trace } = describe(error);
  log('ERROR', [`${title} `, JSON.stringify({ errorType, errorMessage, stack: trace })]);
}

// load answers the function that "folder/file.export.path" names.
async function load(root, name) {
  const base = path.basename(name);
  const dot = base.indexOf('.');
  if (dot < 0 || name.includes('..')) throw new Failure('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name. Use 'module.function'`);
  const file = path.resolve(root, path.dirname(name), base.slice(0, dot));
  const wanted = base.slice(dot + 1);
  let module;
  try {
    if (fs.existsSync(file + '.mjs')) {
      module = await import(pathToFileURL(file + '.mjs').href);
    } else if (fs.existsSync(file + '.js') && isModule(path.dirname(file), root)) {
      module = await import(pathToFileURL(file + '.js').href);
    } else {
      module = createRequire(path.join(root, 'index.js'))(file);
    }
  } catch (e) {
    if (e instanceof SyntaxError) throw Object.assign(new Failure('Runtime.UserCodeSyntaxError', `SyntaxError: ${e.message}`), { stack: `Runtime.UserCodeSyntaxError: SyntaxError: ${e.message}\n${e.stack}` });
    if (e && (e.code === 'MODULE_NOT_FOUND' || e.code === 'ERR_MODULE_NOT_FOUND')) throw new Failure('Runtime.ImportModuleError', `Error: ${e.message}`);
    throw e;
  }
  let found = module;
  for (const part of wanted.split('.')) found = found?.[part];
  if (found === undefined && module?.default) {
    found = module.default;
    for (const part of wanted.split('.')) found = found?.[part];
  }
  if (found === undefined) throw new Failure('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof found !== 'function') throw new Failure('Runtime.HandlerNotFound', `${name} is not a function`);
  return found;
}

// isModule reports whether the nearest package.json says that .js files are
// modules.
function isModule(dir, root) {
  for (;;) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
    } catch (e) {
      if (dir === root || dir === path.dirname(dir)) return false;
      dir = path.dirname(dir);
    }
  }
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const given = headers['lambda-runtime-client-context'];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    clientContext: given ? JSON.parse(Buffer.from(given, 'latin1').toString('utf8')) : undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// call runs the handler, which answers by a promise or a callback. A callback's
// answer waits until nothing else is left to do, unless the context says not to.
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    let given;
    const settle = () => (given && given.error !== null && given.error !== undefined ? reject(given.error) : resolve(given ? given.value : null));
    const callback = (error, value) => {
      given ??= { error, value };
      if (!context.callbackWaitsForEmptyEventLoop) settle();
    };
    // A handler that neither answers nor waits is done when nothing is left.
    process.once('beforeExit', settle);
    Object.assign(context, { succeed: (v) => callback(null, v), fail: (e) => callback(e ?? new Error('failed')), done: callback });
    const answer = handler(event, context, callback);
    if (answer && typeof answer.then === 'function') answer.then(resolve, reject);
  });
}

async function main() {
  const root = process.env.LAMBDA_TASK_ROOT;
  delete process.env.REDOUBT_LAYERS;
  let handler;
  try {
    handler = await load(root, process.env._HANDLER);
  } catch (e) {
    report('Uncaught Exception', e);
    await fail('init/error', e);
    process.exit(1);
  }
  process.on('uncaughtException', async (e) => {
    report('Uncaught Exception', e);
    process.exit(129);
  });
  process.on('unhandledRejection', (reason) => {
    const e = Object.assign(new Failure('Runtime.UnhandledPromiseRejection', String(reason?.message ?? reason)), { reason });
    report('Unhandled Promise Rejection', e);
    process.exit(128);
  });
  for (;;) {
    const next = await request('GET', 'invocation/next');
    if (next.status !== 200) throw new Error(`next: ${next.status}`);
    current = next.headers['lambda-runtime-aws-request-id'];
    const trace = next.headers['lambda-runtime-trace-id'];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    let body;
    try {
      const value = await call(handler, JSON.parse(next.body.toString('utf8')), contextOf(next.headers));
      process.removeAllListeners('beforeExit');
      try {
        body = Buffer.from(JSON.stringify(value === undefined ? null : value) ?? 'null');
      } catch (e) {
        throw new Failure('Runtime.MarshalError', `Unable to stringify response body: ${e.message}`);
      }
    } catch (e) {
      process.removeAllListeners('beforeExit');
      report('Invoke Error', e);
      await fail(`invocation/${current}/error`, e);
      continue;
    }
    const taken = await request('POST', `invocation/${current}/response`, body, { 'Content-Type': 'application/json' });
    if (taken.status === 413) log('ERROR', [`The response is too large: ${taken.body}`]);
  }
}

await main();
