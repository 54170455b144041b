/** The painting thread: one request in `workerData`, progress and then the PNG as messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { paint, type Request } from './paint.ts';
import { encodePng } from './png.ts';

export type PaintMessage = { fraction: number } | { png: Uint8Array };

if (parentPort) {
  const port = parentPort;
  const send = (message: PaintMessage) => port.postMessage(message);
  const request = workerData as Request;
  const rgb = paint(request, (fraction) => send({ fraction }));
  send({ png: encodePng(rgb, request.width, request.height) });
}
