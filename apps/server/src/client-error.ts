/** What does not get as far as a request (broken HTTP, headers that are too large or too slow) is answered here. */
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyReply, FastifyRequest } from 'fastify';
import { documentOf, PROBLEM_TYPE, Problem, sendProblem } from './problem.ts';

const REFUSALS: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'the headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request took too long to arrive'],
};

/** For requests that Node could not read. */
export function onClientError(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, detail] = REFUSALS[error.code] ?? [400, 'this is not HTTP/1.1 as it should be'];
  const problem = documentOf(new Problem(status, detail));
  const body = JSON.stringify(problem);
  if (socket.writable && socket.bytesWritten === 0) {
    socket.write(
      `HTTP/1.1 ${status} ${problem.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy(error);
}

/** For addresses that the router could not read. */
export function onUnreadableAddress(
  error: Error & { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const problem =
    error.statusCode === 414
      ? new Problem(414, 'a part of the address is too long')
      : new Problem(400, 'the address is not written as it should be: check its % signs');
  reply.header('x-content-type-options', 'nosniff');
  sendProblem(request, reply, problem);
}
