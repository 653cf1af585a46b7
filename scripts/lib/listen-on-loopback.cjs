// Loaded with --require into demonstration servers that have no option for the address they listen on: without it
// they would offer their tools to the whole network.
const { Server } = require('node:net');

const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
  const [first, second] = args;
  if (typeof first === 'object' && first !== null) args[0] = { ...first, host: '127.0.0.1' };
  else if (typeof second === 'string') args[1] = '127.0.0.1';
  else args.splice(1, 0, '127.0.0.1');
  return listen.apply(this, args);
};
