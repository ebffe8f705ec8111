"""The pytest plugin: a fresh emulator and a client for each test, and a guard before Adjust's real hosts.

pytest loads it by itself where `adjust_async` is installed. `adjust_emulator` is a running
`adjust_async.emulator.Emulator` and `adjust` an `adjust_async.AsyncAdjust` for it:

    @pytest.mark.adjust(apps=[EmulatedApp("yxs12pfewq", "My Game")])
    async def test_roll_out(adjust: AsyncAdjust, adjust_emulator: Emulator) -> None:
        await roll_out(adjust, "yxs12pfewq")
        assert adjust_emulator.store.count_trackers("yxs12pfewq") == 12

Both fixtures are no coroutines, so that they serve blocking tests, the plugin of anyio and pytest-asyncio alike. It
needs the extra `emulator`; `-p no:adjust_async` switches it off.
"""
