import { CorruptBlock } from './codec.ts';
import type { Decompressor } from './codec.ts';
export const lzo: Decompressor = () => Promise.reject(new CorruptBlock('decoder not written yet'));
