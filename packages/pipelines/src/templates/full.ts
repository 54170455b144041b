/**
 * Template `full`: all of `ingest`, then the moments of what is said in the video (seed 003, `full`). Without a transcript there
 * is nothing to find, so here the transcription is no choice: a video without sound ends the run with that sentence.
 */
import { defineTemplate } from '@reelfleet/core';
import { z } from 'zod';
import type { ImportOutput } from '../stages/import.ts';
import type { ProbeOutput } from '../stages/probe.ts';
import type { TranscriptionOutput } from '../stages/transcription.ts';
import { ingestNodes, ingestParams } from './ingest.ts';
import { momentsNodes, momentsOrder } from './moments-nodes.ts';
import { transcriptionNode } from './transcription-node.ts';

export const fullParams = ingestParams.extend(momentsOrder.shape).extend({
  /** How many nodes make the video: when they are done the ledger has it ready, whatever becomes of its moments. */
  videoNodes: z.literal(ingestNodes.length).default(ingestNodes.length),
});
export type FullParams = z.infer<typeof fullParams>;

/** As the file says, or its picture; a file that says neither is refused by the stages. */
const lengthOf = ({ durationSeconds, video }: ProbeOutput): number => durationSeconds ?? video?.durationSeconds ?? 0;

export const full = defineTemplate<FullParams>({
  name: 'full',
  params: fullParams,
  nodes: [
    ...ingestNodes,
    transcriptionNode<FullParams>({ optional: false }),
    ...momentsNodes<FullParams>({
      needs: ['import', 'probe', 'transcription'],
      video: (outputs, { title }) => ({
        title,
        source: (outputs.import as ImportOutput).source,
        transcript: (outputs.transcription as TranscriptionOutput).transcript,
        durationSeconds: lengthOf(outputs.probe as ProbeOutput),
      }),
      title: ({ title }) => title,
    }),
  ],
});
