import { z } from 'zod';
import type { ServerSettings } from '../core/servers';

/** What `toolturn.servers.<name>` may hold: settings of one MCP server that LiteLLM has no key for. */
export const serverSettingsShape = { enabled: z.boolean().default(true) };

/** Schema of one entry of `toolturn.servers`. Strict: a key that is not known is an error. */
export const serverSettingsSchema = z
  .strictObject(serverSettingsShape, { error: 'must be a map of settings' })
  .transform((settings): ServerSettings => ({ enabled: settings.enabled }));
