// Loaded into each replica: appends to a file of its own how much of the heap is in use behind each full collection, in bytes.
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');
const { constants, PerformanceObserver } = require('node:perf_hooks');

const file = join(process.env.HEAP_PROBE_DIR, `${process.pid}`);
new PerformanceObserver((list) => {
  const isFull = list.getEntries().some(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR);
  if (isFull) appendFileSync(file, `${process.memoryUsage().heapUsed}\n`);
}).observe({ entryTypes: ['gc'] });
