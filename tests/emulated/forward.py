"""Forwards connections on loopback from one port to another: forward.py FROM TO"""
import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(source, target):
    async def serve(reader, writer):
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, target_writer), pump(target_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", source) as server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
