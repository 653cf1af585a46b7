#!/usr/bin/env node
import { address, commonEnvironment, readEnvironment } from '../../kit/src/environment';
import { HttpApi } from '../../kit/src/http';
import { serveOptions } from '../../kit/src/options';
import { runMain } from '../../kit/src/serve';
import { z } from 'zod';
import { Loki } from './loki';
import { Netdata } from './netdata';
import { containerLogsTool } from './tools/container-logs';
import { recentErrorsTool } from './tools/recent-errors';
import { searchLogsTool } from './tools/search-logs';
import { serviceHealthTool } from './tools/service-health';
import { systemMetricsTool } from './tools/system-metrics';

const name = 'mcp-monitoring';

/** Logs from Loki and metrics from Netdata, read-only. */
void runMain(name, async (log) => {
  const env = readEnvironment(
    {
      ...commonEnvironment,
      LOKI_URL: address('http:', 'https:'),
      NETDATA_URL: address('http:', 'https:'),
      /** Loki's tenant, where it has several. */
      LOKI_TENANT: z.string().optional(),
      /** The label that names a container: what promtail's configuration calls it. */
      LOKI_CONTAINER_LABEL: z
        .string()
        .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'must be the name of a label' })
        .default('container'),
    },
    process.env,
  );
  const lokiApi = new HttpApi({
    name: 'Loki',
    url: env.LOKI_URL,
    ...(env.LOKI_TENANT === undefined ? {} : { headers: { 'x-scope-orgid': env.LOKI_TENANT } }),
    timeoutMs: 20_000,
    log,
  });
  const netdataApi = new HttpApi({ name: 'Netdata', url: env.NETDATA_URL, timeoutMs: 10_000, log });
  const loki = new Loki(lokiApi, env.LOKI_CONTAINER_LABEL);
  const netdata = new Netdata(netdataApi);
  return {
    service: {
      tools: [
        searchLogsTool(loki),
        recentErrorsTool(loki),
        containerLogsTool(loki),
        systemMetricsTool(netdata),
        serviceHealthTool(loki, netdata),
      ],
      dependencies: {
        loki: () => lokiApi.check('/ready'),
        netdata: () => netdataApi.check('/api/v1/info'),
      },
      close: async () => undefined,
    },
    options: serveOptions(name, env),
  };
});
