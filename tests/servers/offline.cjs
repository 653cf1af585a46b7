// Loaded with --require into a server that would ask the internet: here no name is found, on every machine.
const dns = require('node:dns');

const notFound = (name) =>
  Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND', hostname: name });
dns.lookup = (name, options, callback) => process.nextTick(callback ?? options, notFound(name));
dns.promises.lookup = (name) => Promise.reject(notFound(name));
