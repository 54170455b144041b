/** Stored files by the name they have in the store. What no artifact names is not there, whatever lies on the disk. */
import { keyProblem } from '@reelfleet/storage';
import { z } from 'zod';
import { bytesOf } from './artifacts.ts';
import type { Noun } from './route.ts';
import { FOREVER } from './send-object.ts';

export const files: Noun = (api, context) => {
  bytesOf(api, context, '/files/*', {
    tags: ['artifacts'],
    operationId: 'fileContent',
    summary: 'The bytes of a stored file, by its key',
    params: z.strictObject({
      '*': z
        .string()
        .refine((key) => keyProblem(key) === null, 'is no name of a stored file')
        .describe('Its key in the store'),
    }),
    cacheControl: FOREVER,
    find: ({ '*': key }) => context.operator.artifacts.at(key),
  });
};
