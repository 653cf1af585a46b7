/** What the sample config needs beside LiteLLM and hook-service: the demo model and two MCP servers. */
import { join } from 'node:path';
import { minimalEnv } from './environment';
import { root } from './paths';
import { portFor } from './part-ports';
import { startProcess, waitForHttp, waitUntil, type RunningProcess } from './processes';

/** Starts the demo model as a process of its own. */
export async function startDemoModel(options: {
  port: number;
  logFile: string;
}): Promise<RunningProcess & { url: string }> {
  const server = await startProcess({
    name: 'The demo model',
    command: process.execPath,
    args: [join(root, 'scripts', 'dist', 'demo-model-main.js')],
    env: minimalEnv({ PORT: `${options.port}` }),
    logFile: options.logFile,
  });
  const url = `http://127.0.0.1:${options.port}/v1`;
  await waitForHttp(`${url}/models`, { timeoutMs: 30_000, process: server });
  return Object.assign(server, { url });
}

/** Starts the reference server in one of its network modes; it gets a minimal environment and listens on loopback. */
export async function startEverythingServer(options: {
  mode: 'streamableHttp' | 'sse';
  litellmPort: number;
  logFile: string;
}): Promise<RunningProcess & { url: string }> {
  const port = await portFor(options.mode === 'sse' ? 'mcpSse' : 'mcpHttp', options.litellmPort);
  const server = await startProcess({
    name: `The MCP server "everything" (${options.mode})`,
    command: process.execPath,
    args: [
      '--require',
      join(root, 'scripts', 'lib', 'listen-on-loopback.cjs'),
      join(root, 'node_modules', '@modelcontextprotocol', 'server-everything', 'dist', 'index.js'),
      options.mode,
    ],
    // One of its tools prints its environment.
    env: minimalEnv({ PORT: `${port}` }),
    logFile: options.logFile,
  });
  const url = `http://127.0.0.1:${port}/${options.mode === 'sse' ? 'sse' : 'mcp'}`;
  // Neither mode has a health route, but both answer any request, if only with an error.
  const answers = async (): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return true;
  };
  await waitUntil(answers, { timeoutMs: 30_000, what: server.name, process: server });
  return Object.assign(server, { url });
}
