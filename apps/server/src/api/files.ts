/** Stored files by the name they have in the store. What no artifact names is not there, whatever lies on the disk. */
import { keyProblem } from '@reelfleet/storage';
import { z } from 'zod';
import { bytesOf } from './artifacts.ts';
import { knownFiles } from './known-files.ts';
import { admitPlayer } from './playable.ts';
import type { Noun } from './route.ts';
import { FOREVER } from './send-object.ts';

/** The end of an address, as a key of the store. */
export const key = z
  .string()
  .refine((text) => keyProblem(text) === null, 'is no name of a stored file')
  .describe('Its key in the store');

export const files: Noun = (api, context) => {
  const find = knownFiles(context.operator);
  bytesOf(api, context, '/files/*', {
    tags: ['artifacts'],
    operationId: 'fileContent',
    summary: 'The bytes of a stored file, by its key',
    params: z.strictObject({ '*': key }),
    cacheControl: FOREVER,
    config: { anySite: true },
    find: ({ '*': key }) => find(key),
    admit: admitPlayer,
  });
};
