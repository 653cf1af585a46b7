import { z } from 'zod';
import { duration, wholeNumber } from './fields';

const yesOrNo = z.boolean({ error: 'must be true or false' });

const auditShape = {
  log: yesOrNo.default(true).describe('whether each call is a line of the log, beside the trail in Redis'),
  arguments: yesOrNo
    .default(false)
    .describe('whether arguments stand in it, masked and cut at 4096 characters'),
  entries: wholeNumber(100, 10_000_000).default(100_000).describe('how many calls Redis keeps'),
  retention: duration(3600, 3650 * 86_400)
    .default(30 * 86_400)
    .describe('how long Redis keeps them'),
};

/** Schema of `toolturn.audit`: the record of every call. */
export const auditSchema = z.strictObject(auditShape, { error: 'must be a map of settings' });

export const knownAuditKeys = Object.keys(auditShape);
