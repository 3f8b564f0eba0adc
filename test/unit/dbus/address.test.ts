import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AddressError, parseAddresses, socketPath } from '../../../src/dbus/address.ts';

const paths = (list: string): string[] => parseAddresses(list).map(socketPath);

describe('bus addresses', () => {
  it('name sockets', () => {
    assert.deepEqual(paths('unix:path=/run/dbus/system_bus_socket'), ['/run/dbus/system_bus_socket']);
    assert.deepEqual(paths('unix:path=/run/bus,guid=0123456789abcdef'), ['/run/bus']);
    assert.deepEqual(paths('unix:guid=0123,path=/run/bus'), ['/run/bus']);
    assert.deepEqual(paths('unix:abstract=/tmp/x'), ['\0/tmp/x']);
  });

  it('come in lists', () => {
    assert.deepEqual(paths('unix:path=/a;unix:path=/b;'), ['/a', '/b']);
  });

  it('escape bytes', () => {
    assert.deepEqual(paths('unix:path=/tmp/a%20b%2cc%c3%bc'), ['/tmp/a b,cü']);
  });

  for (const bad of [
    '',
    ';',
    'unix',
    ':path=/a',
    'unix:path',
    'unix:=x',
    'unix:path=/%2',
    'unix:path=/%zz',
  ]) {
    it(`'${bad}' is none`, () => {
      assert.throws(() => parseAddresses(bad), AddressError);
    });
  }

  for (const other of ['tcp:host=localhost,port=1', 'unix:tmpdir=/tmp', 'unix:']) {
    it(`'${other}' cannot be connected to`, () => {
      assert.throws(() => paths(other), AddressError);
    });
  }
});
