#!/usr/bin/env node
import { Client } from 'minio';
import { z } from 'zod';
import { address, commonEnvironment, readEnvironment, wholeNumber } from '../../kit/src/environment';
import { serveOptions } from '../../kit/src/options';
import { runMain } from '../../kit/src/serve';
import { getObjectTool } from './tools/get-object';
import { listObjectsTool } from './tools/list-objects';

const name = 'mcp-storage';

/** Objects in MinIO or any other S3 storage, read-only. */
void runMain(name, async () => {
  const env = readEnvironment(
    {
      ...commonEnvironment,
      MINIO_ENDPOINT: address('http:', 'https:'),
      MINIO_ACCESS_KEY: z.string(),
      MINIO_SECRET_KEY: z.string(),
      MINIO_REGION: z.string().default('us-east-1'),
      MINIO_MAX_BYTES: wholeNumber(1, 5_000_000).default(200_000),
    },
    process.env,
  );
  const url = new URL(env.MINIO_ENDPOINT);
  const useSSL = url.protocol === 'https:';
  const client = new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (useSSL ? 443 : 80) : Number(url.port),
    useSSL,
    accessKey: env.MINIO_ACCESS_KEY,
    secretKey: env.MINIO_SECRET_KEY,
    // Told, so that it need not be asked for: that needs a right of its own.
    region: env.MINIO_REGION,
    pathStyle: true,
  });
  return {
    service: {
      tools: [listObjectsTool(client), getObjectTool(client, env.MINIO_MAX_BYTES)],
      dependencies: {
        async storage() {
          // Any answer of the storage will do: the credentials may not be allowed to list buckets.
          await fetch(url, { signal: AbortSignal.timeout(4_000) }).catch(() => {
            throw new Error('the storage does not answer');
          });
        },
      },
      close: async () => undefined,
    },
    options: serveOptions(name, env),
  };
});
