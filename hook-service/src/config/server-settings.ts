import { z } from 'zod';
import type { ServerSettings } from '../core/servers';
import { pattern } from './fields';

/** What `toolturn.servers.<name>` may hold: settings of one MCP server that LiteLLM has no key for. */
export const serverSettingsShape = { enabled: z.boolean().default(true), error_text: pattern.optional() };

/** Schema of one entry of `toolturn.servers`. Strict: a key that is not known is an error. */
export const serverSettingsSchema = z
  .strictObject(serverSettingsShape, { error: 'must be a map of settings' })
  .transform(({ enabled, error_text }): ServerSettings => ({
    enabled,
    ...(error_text === undefined ? {} : { errorText: error_text }),
  }));
