"""fundamentals"""
