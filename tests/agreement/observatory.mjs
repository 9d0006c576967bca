// node observatory.mjs PACKAGE HOST IP: the HTTP Observatory's own verdict on HOST, reached at IP, ports below 1024 as
// 10000 more. Prints JSON.
import { createRequire } from "node:module";
import net from "node:net";
import dns from "node:dns";
const [folder, host, ip] = process.argv.slice(2);
const lookup = dns.lookup;
dns.lookup = (name, options, done) => {
  const [given, call] = typeof options === "function" ? [{}, options] : [options, done];
  return name === host
    ? process.nextTick(() => (given.all ? call(null, [{ address: ip, family: 4 }]) : call(null, ip, 4)))
    : lookup(name, options, done);
};
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (options && typeof options === "object" && Number(options.port) < 1024) options.port = Number(options.port) + 10000;
  return connect.apply(this, args);
};
createRequire(import.meta.url);
const { scan } = await import(`${folder}/src/scanner/index.js`);
try {
  const { scan: summary, tests } = await scan(host);
  const rows = Object.entries(tests).map(([name, test]) => [name, { pass: test.pass, result: test.result }]);
  console.log(JSON.stringify({ grade: summary.grade, score: summary.score, tests: Object.fromEntries(rows) }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error) }));
}
process.exit(0);
