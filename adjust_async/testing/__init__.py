"""The pytest plugin: a fresh emulator and a client for each test, and a guard that protects Adjust's real hosts.

pytest loads it automatically if `adjust_async` is installed. The fixture `adjust_emulator` is a running
`adjust_async.emulator.Emulator`, and `adjust` is an `adjust_async.AsyncAdjust` that is connected to it:

    @pytest.mark.adjust(apps=[EmulatedApp("yxs12pfewq", "My Game")])
    async def test_roll_out(adjust: AsyncAdjust, adjust_emulator: Emulator) -> None:
        await roll_out(adjust, "yxs12pfewq")
        assert adjust_emulator.store.count_trackers("yxs12pfewq") == 12

Neither fixture is a coroutine, so blocking tests, anyio's plugin and pytest-asyncio can all use them. They need the
extra `emulator`; `-p no:adjust_async` switches the plugin off.
"""
