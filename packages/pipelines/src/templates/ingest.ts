/**
 * Template `ingest`: import → probe → thumbnail ∥ transcode ∥ transcription. A file goes in, from an address or from an
 * upload; what it is decides what follows.
 */
import { artifactRef, defineTemplate, type PipelineNode } from '@reelfleet/core';
import { z } from 'zod';
import { type ImportOutput, webAddress } from '../stages/import.ts';
import { transcriptionInput } from '../stages/transcription.ts';
import { transcriptRefs } from '../transcript-file.ts';
import { transcodeNodes } from './transcode-nodes.ts';
import { transcriptionNode } from './transcription-node.ts';

/** Heights that a stream may be ordered in. */
export const orderableQualities = [2160, 1440, 1080, 720, 480, 360] as const;
export const orderableCodecs = ['h264', 'hevc', 'av1'] as const;

export const ingestParams = z.object({
  videoId: z.uuid(),
  url: webAddress.optional(),
  /** As the row that the order made for it names it. */
  upload: artifactRef.optional(),
  fileName: z.string().min(1).max(500),
  title: z.string().min(1).max(500),
  /** All that the source is large enough for by default. */
  qualities: z.array(z.literal(orderableQualities)).min(1).optional(),
  codec: z.enum(orderableCodecs).default('h264'),
  /** Whether what is said in it is to be written down. */
  transcribe: z.boolean().default(true),
  /** What is spoken, by its ISO 639 code; the speech provider's guess otherwise. */
  language: transcriptionInput.shape.language,
  /** What the video has already. */
  transcript: transcriptRefs.optional(),
});
export type IngestParams = z.infer<typeof ingestParams>;

const sourceOf = (outputs: Record<string, unknown>) => (outputs.import as ImportOutput).source;

/** Also the first part of template `full`, which has a transcription of its own: there everything depends on it. */
export const ingestNodes: readonly PipelineNode<IngestParams>[] = [
  {
    key: 'import',
    stage: 'import',
    phase: 'importing',
    title: ({ title }) => `import · ${title}`,
    input: ({ params: { url, upload, fileName } }) => ({ url, upload, fileName }),
  },
  {
    key: 'probe',
    stage: 'probe',
    phase: 'probing',
    title: ({ title }) => `probe · ${title}`,
    needs: ['import'],
    input: ({ params: { fileName }, outputs }) => ({ source: sourceOf(outputs), name: fileName }),
  },
  {
    key: 'thumbnail',
    stage: 'thumbnail',
    phase: 'thumbnail',
    title: ({ title }) => `thumbnail · ${title}`,
    needs: ['import', 'probe'],
    // A video without its picture is a video all the same.
    optional: true,
    // Sound alone has no picture to choose.
    unless: { of: 'probe', when: ({ video }) => video === null },
    input: ({ outputs }) => ({ source: sourceOf(outputs), width: 1280, height: 720 }),
  },
  ...transcodeNodes<IngestParams>({
    needs: ['import', 'probe'],
    phase: 'transcoding',
    title: ({ title }) => title,
    source: (outputs, { fileName }) => ({ source: sourceOf(outputs), name: fileName }),
    wish: ({ qualities, codec }) => ({ qualities, codec }),
    // Sound alone is kept as it is: there is nothing to adapt.
    unless: { of: 'probe', when: ({ video }) => video === null },
  }),
];

export const ingest = defineTemplate<IngestParams>({
  name: 'ingest',
  params: ingestParams,
  nodes: [...ingestNodes, transcriptionNode<IngestParams>({ optional: true })],
});
