// Messages to bytes and back: plain msgpack, typed arrays as `bin` of little-endian numbers, everything checked on arrival.
import { Packr, Unpackr } from 'msgpackr';
import { isMap, Mismatch, readFields } from './kinds.js';
import type { ClientMessage, ErrorCode, ServerMessage } from './messages.js';
import { isPlainMsgpack } from './plain-msgpack.js';
import { CLIENT_MESSAGES, checkLengths, SERVER_MESSAGES } from './schema.js';

/** What arrived is no message of this protocol. `id` is the question's, null where none could be read. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly code: ErrorCode,
    readonly id: number | null,
    message: string,
  ) {
    super(message);
  }
}

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

/** The bytes of one WebSocket message. */
export function encodeMessage(message: ClientMessage | ServerMessage): Uint8Array {
  return packr.pack(plain(message));
}

/** What a viewer sent. Throws ProtocolError; nothing else, whatever the bytes. Fields the message does not have are refused. */
export function decodeClientMessage(bytes: Uint8Array): ClientMessage {
  return decode<ClientMessage>(bytes, CLIENT_MESSAGES, true);
}

/** What the daemon sent. Throws ProtocolError. Fields the message does not have are passed over: a newer daemon may say more. */
export function decodeServerMessage(bytes: Uint8Array): ServerMessage {
  return decode<ServerMessage>(bytes, SERVER_MESSAGES, false);
}

type Tables = typeof CLIENT_MESSAGES | typeof SERVER_MESSAGES;

function decode<M extends ClientMessage | ServerMessage>(bytes: Uint8Array, table: Tables, strict: boolean): M {
  const value = unpack(bytes);
  const { type, ...fields } = value;
  const id = Number.isInteger(value.id) && (value.id as number) >= 0 && (value.id as number) < 2 ** 32 ? (value.id as number) : null;
  if (typeof type !== 'string') throw new ProtocolError('malformed', id, 'the field type is missing or no string');
  if (!Object.hasOwn(table, type))
    throw new ProtocolError('unknown-type', id, `"${type.slice(0, 64)}" is no message type of this protocol`);
  try {
    const message = { ...readFields(table[type as keyof Tables], fields, '', strict), type } as unknown as M;
    if (!strict) checkLengths(message as ServerMessage);
    return message;
  } catch (error) {
    if (error instanceof Mismatch) throw new ProtocolError(error.code, id, `${type}: ${error.message}`);
    throw error;
  }
}

function unpack(bytes: Uint8Array): Record<string, unknown> {
  if (!isPlainMsgpack(bytes)) throw new ProtocolError('malformed', null, 'the message is not one value of plain msgpack');
  let value: unknown;
  try {
    value = unpackr.unpack(bytes);
  } catch (error) {
    throw new ProtocolError('malformed', null, `the message is not msgpack: ${(error as Error).message}`);
  }
  if (!isMap(value)) throw new ProtocolError('malformed', null, 'the message is not a map');
  return value;
}

/**
 * Typed arrays become their bytes, fields that are undefined go. Every machine that runs Node or a browser with WebGL keeps numbers
 * little-endian, so the bytes are taken as they lie.
 */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const fields: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) if (member !== undefined) fields[name] = plain(member);
  return fields;
}
