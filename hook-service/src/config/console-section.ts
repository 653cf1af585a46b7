import { z } from 'zod';
import { filledText, texts, wholeNumber } from './fields';

const consoleShape = {
  host: filledText.default('127.0.0.1').describe('where the console listens'),
  port: wholeNumber(0, 65_535).default(48_901).describe('its port; 0 takes a free one, which the log names'),
  hosts: texts.default([]).describe('names with a dot by which browsers may call the console'),
  content: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .describe('whether it shows arguments and results of calls, masked'),
};

/** Schema of `toolturn.console`: the page for people. Its token comes from the environment. */
export const consoleSchema = z.strictObject(consoleShape, { error: 'must be a map of settings' });

export type ConsoleSection = z.output<typeof consoleSchema>;

export const knownConsoleKeys = Object.keys(consoleShape);
