"""What is told of members to whom nothing could be written, though they were chosen."""

from stamkunde.campaigns.chunk_store import Chunk
from stamkunde.observability import logger, where_it_broke


def tell_unreadable(chunk: Chunk, index: int, error: Exception) -> None:
    """That a member can't be read: where in the lists, and where it broke; neither who nor the fault's words."""
    key = chunk.key
    logger.error(
        "member unreadable",
        club=key.club_id,
        campaign=key.campaign_id,
        chunk=key.chunk_id,
        index=index,
        error=type(error).__name__,
        frames=where_it_broke(error),
    )
