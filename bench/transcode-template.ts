/** A stream and nothing else: the nodes that `ingest` and `album` have, on a source that lies in the store already. */
import { artifactRef, defineTemplate } from '@reelfleet/core';
import { transcodeNodes } from '@reelfleet/pipelines';
import { z } from 'zod';

const params = z.object({ source: artifactRef, chunkSegments: z.number().int().optional() });
type Params = z.infer<typeof params>;

export const stream = defineTemplate<Params>({
  name: 'stream',
  params,
  nodes: transcodeNodes<Params>({
    needs: [],
    phase: 'transcoding',
    title: () => 'bench',
    source: (_outputs, { source }) => ({ source, name: 'bench' }),
    wish: ({ chunkSegments }) => ({ chunkSegments }),
  }),
});
